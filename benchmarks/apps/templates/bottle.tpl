<!doctype html>
<title>{{title}}</title>
<h1>{{title}}</h1>
<ul>
% for item in items:
<li>{{item}}</li>
% end
</ul>
<p>Open from noon to eight.</p>