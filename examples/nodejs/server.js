'use strict';

const http = require('node:http');
const ms = require('ms');

const started = Date.now();

const server = http.createServer((request, response) => {
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  response.end(`Hello from Node.js, up for ${ms(Date.now() - started, { long: true })}\n`);
});

server.listen(Number(process.env.PORT));

// Running requests are finished, connections that wait for the next one are closed.
process.on('SIGTERM', () => {
  server.close();
  server.closeIdleConnections();
});
