import errno
import logging
import os
import threading

import pytest

from carboy.log_file import LONGEST, LogError, LogFile
from support.live import wait_until


@pytest.fixture
def path(tmp_path):
    return tmp_path / "access.log"


@pytest.fixture
def pipe(monkeypatch):
    """Standard output as a log file sees it: a pipe; its reading end."""
    reader, writer = os.pipe()
    monkeypatch.setattr(os, "dup", lambda _fd: writer)
    yield reader
    os.close(reader)


def test_lines_arrive_without_being_asked_for(path):
    log = LogFile(path, interval=0.01)
    log.write("one")
    wait_until(lambda: path.read_text() == "one\n", "the first line")
    log.write("two")
    wait_until(lambda: path.read_text() == "one\ntwo\n", "the second line")
    log.close()


def test_closing_writes_what_waits(path):
    log = LogFile(path, interval=60.0)
    for number in range(100):
        log.write(str(number))
    log.close()
    assert path.read_text().split() == [str(number) for number in range(100)]


def test_nobody_else_may_read_it(path):
    LogFile(path).close()
    assert path.stat().st_mode & 0o007 == 0


def test_it_goes_on_behind_what_is_there(path):
    path.write_text("old\n")
    log = LogFile(path)
    log.write("new")
    log.close()
    assert path.read_text() == "old\nnew\n"


def test_reopening_loses_and_repeats_nothing(path):
    log = LogFile(path, interval=0.001)
    count, names = 0, []
    for turn in range(10):
        for _ in range(500):
            log.write(str(count))
            count += 1
        moved = path.with_suffix(f".{turn}")
        path.rename(moved)
        names.append(moved)
        log.reopen()
        wait_until(path.exists, "a new file")
    log.close()
    lines = [int(line) for name in [*names, path] for line in name.read_text().split()]
    assert lines == list(range(count))


def test_reopening_an_idle_log(path):
    log = LogFile(path)
    path.unlink()
    log.reopen()
    wait_until(path.exists, "a new file")
    log.close()


def test_where_reopening_fails_the_old_file_goes_on(path, caplog):
    log = LogFile(path, interval=0.001)
    moved = path.with_suffix(".1")
    path.rename(moved)
    path.mkdir()
    log.reopen()
    wait_until(lambda: "going on in the old file" in caplog.text, "the warning")
    log.write("still")
    log.close()
    assert moved.read_text() == "still\n"


def test_two_processes_share_a_file(path):
    logs = [LogFile(path, interval=0.001) for _ in range(2)]

    def fill(log, letter):
        for _ in range(3000):
            log.write(letter * 200)

    threads = [threading.Thread(target=fill, args=pair) for pair in zip(logs, "ab", strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for log in logs:
        log.close()
    lines = path.read_text().split()
    assert sorted(set(lines)) == ["a" * 200, "b" * 200]
    assert len(lines) == 6000


def test_a_pipe_gets_whole_lines_in_pieces_that_are_not_torn(pipe, monkeypatch):
    pieces, write = [], os.write

    def observed(fd, data):
        pieces.append(bytes(data))
        return write(fd, data)

    monkeypatch.setattr(os, "write", observed)
    log = LogFile(None)
    for _ in range(100):
        log.write("x" * 300)
    log.write("y" * LONGEST)
    log.close()
    assert all(len(piece) <= LONGEST + 1 and piece.endswith(b"\n") for piece in pieces)
    assert b"".join(pieces) == (b"x" * 300 + b"\n") * 100 + b"y" * LONGEST + b"\n"


def test_nobody_waits_for_a_reader_that_does_not_read(pipe, caplog):
    log = LogFile(None, interval=0.001, most=1000)
    for _ in range(100_000):
        log.write("x" * 100)
    assert log.lost > 90_000
    log.close(seconds=0.05)  # nor is the end kept waiting


def test_lines_that_had_no_room_are_owned_up_to(pipe, caplog):
    log = LogFile(None, interval=0.001, most=10)
    for _ in range(1000):
        log.write("x" * 3000)
    while log._told == 0:
        os.read(pipe, 65536)
        log.write("x")
    log.close()
    assert "lines were dropped" in caplog.text


def test_a_reader_that_has_gone_is_told_of_once(monkeypatch, caplog):
    reader, writer = os.pipe()
    monkeypatch.setattr(os, "dup", lambda _fd: writer)
    os.close(reader)
    log = LogFile(None, interval=0.001)
    for number in range(1, 6):
        log.write("lost")
        wait_until(lambda number=number: log.lost == number, "the loss")
    log.close()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "Broken pipe" in caplog.text


def test_a_disk_that_was_full_tears_one_line_and_no_other(path, monkeypatch, caplog):
    write, is_full = os.write, False

    def limited(fd, data):
        if not is_full:
            return write(fd, data)
        if len(data) > 6:
            return write(fd, data[:6])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", limited)
    log = LogFile(path, interval=0.001)
    is_full = True
    log.write("first")
    log.write("second")
    wait_until(lambda: log.lost, "the loss")
    is_full = False
    log.write("third")
    log.close()
    assert path.read_text() in (
        "first\nsecon\nthird\n",
        "first\n\nthird\n",
        "first\nsecond\nthird\n",
    )
    assert "No space left on device" in caplog.text
    assert f"{log.lost} lines were dropped" in caplog.text


def test_a_standard_output_that_does_not_block_is_waited_for(pipe, monkeypatch):
    log = LogFile(None, interval=0.001)
    os.set_blocking(log._fd, False)
    for _ in range(1000):
        log.write("x" * 200)
    received = b""
    while len(received) < 201_000:
        received += os.read(pipe, 65536)
    log.close()
    assert log.lost == 0


def test_a_server_without_standard_output_runs(monkeypatch):
    def closed(_fd):
        raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setattr(os, "dup", closed)
    log = LogFile(None)
    log.write("nowhere")
    log.close()


def test_a_log_that_cannot_be_opened_is_said_in_one_line(tmp_path):
    with pytest.raises(LogError, match=r"cannot open the access log .*/missing/x: No such file"):
        LogFile(tmp_path / "missing" / "x")


def test_an_error_in_its_source_is_not_its_end(path, caplog):
    log = LogFile(path, interval=0.001)
    log.source = lambda: 1 / 0
    log.write("one")
    wait_until(lambda: "while writing the access log" in caplog.text, "the error")
    log.source = None
    log.write("two")
    log.close()
    assert path.read_text() == "one\ntwo\n"
