-- Tell what a run has found as one line of JSON, which benchmarks/wrk.py reads: times in
-- microseconds.
done = function(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\nfound: {"requests": %d, "microseconds": %d, "p50": %.0f, "p99": %.0f, ' ..
    '"connect": %d, "read": %d, "write": %d, "status": %d, "timeout": %d}\n',
    summary.requests, summary.duration,
    summary.requests > 0 and latency:percentile(50) or 0,
    summary.requests > 0 and latency:percentile(99) or 0,
    errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
