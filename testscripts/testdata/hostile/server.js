// Shows what the build found at /, what is poisoned here at /poison, and whether something is reached at /reach/HOST/PORT.
const fs = require('fs')
const http = require('http')
const net = require('net')
const search = require('./search')

const aims = JSON.parse(fs.readFileSync('aims.json', 'utf8'))

http.createServer((request, answer) => {
  const [, what, host, port] = request.url.split('/')
  if (what === 'poison') {
    const found = ['/workspace', '/layers', '/cnb'].flatMap(dir => search.found(dir, [aims.poison], ['/workspace/aims.json', '/workspace/result.txt']))
    return answer.end(found.map(name => `poison in ${name}\n`).join('') + 'looked\n')
  }
  if (what === 'reach') {
    const socket = net.connect({ host, port, timeout: 5000 })
    const end = outcome => { answer.end(outcome + '\n'); socket.destroy() }
    socket.on('connect', () => end('reached'))
    socket.on('timeout', () => end('unreachable'))
    return socket.on('error', error => end(error.code))
  }
  answer.end(fs.readFileSync('result.txt'))
}).listen(process.env.PORT)
