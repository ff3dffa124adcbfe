// Loaded into a real n8n (node --require): notes each request with its times, its connection and its answer,
// so that nothing need stand between a client and the server.
const channel = require('node:diagnostics_channel');
const fs = require('node:fs');

const file = process.env.BENCHMARK_CALLS;
const connections = new WeakMap();
const begun = new WeakMap();
let known = 0;
let lines = [];

// Seconds since the epoch, as Python's time.time() has them.
const now = () => (performance.timeOrigin + performance.now()) / 1000;

channel.subscribe('http.server.request.start', ({ request, socket }) => {
	// Routers take parts of the address away on its way through them.
	begun.set(request, [request.url, now()]);
	if (!connections.has(socket)) connections.set(socket, ++known);
});

channel.subscribe('http.server.response.finish', ({ request, response, socket }) => {
	const call = [request.method, ...begun.get(request), now(), connections.get(socket), response.statusCode];
	lines.push(JSON.stringify(call));
});

setInterval(() => {
	if (!lines.length) return;
	fs.appendFileSync(file, lines.join('\n') + '\n');
	lines = [];
}, 100).unref();
