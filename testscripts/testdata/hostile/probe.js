// What a repository under a stranger's control tries while it is built. Each line of result.txt says what came of one attempt.
const fs = require('fs')
const http = require('http')
const net = require('net')
const search = require('./search')

// The texts that it must not find are turned around, so that they are not found here.
const aims = JSON.parse(fs.readFileSync('aims.json', 'utf8'))
const needles = aims.reversed.filter(Boolean).map(text => [...text].reverse().join(''))
const results = []
const say = (what, outcome) => results.push(`${what}: ${outcome}`)

// attempt says why something cannot be done, or SUCCEEDED.
function attempt (what, action) {
  try { action(); say(what, 'SUCCEEDED') } catch (error) { say(what, error.code) }
}

function list (names) { return names.length ? names.join(' ') : 'nothing' }

function environment () {
  const suspicious = /token|passw|secret|credential|docker_config|auth/i
  return Object.entries(process.env)
    .filter(([name, value]) => (suspicious.test(name) && value) || needles.some(n => value.includes(n)))
    .map(([name]) => name)
}

// processes are those that are not of this container: those without a parent in it, and whatever shows a secret.
function processes () {
  const strange = []
  for (const pid of fs.readdirSync('/proc').filter(name => /^\d+$/.test(name))) {
    const read = file => { try { return fs.readFileSync(`/proc/${pid}/${file}`, 'latin1') } catch { return '' } }
    const parent = /^PPid:\s+(\d+)/m.exec(read('status'))
    const command = read('cmdline').replaceAll('\0', ' ')
    if (parent && parent[1] === '0' && pid !== '1') strange.push(command || pid)
    if (pid === '1' && !command.includes('/toolforge-build run')) strange.push(command)
    if (needles.some(n => (command + read('environ')).includes(n))) strange.push(`${command} (shows a secret)`)
  }
  return strange
}

// connect says what becomes of a connection. One that is refused has reached somebody.
function connect (what, host, port) {
  return new Promise(resolve => {
    const socket = net.connect({ host, port, timeout: 5000 })
    const end = outcome => { say(what, outcome); socket.destroy(); resolve() }
    socket.on('connect', () => end('REACHED'))
    socket.on('timeout', () => end('unreachable'))
    socket.on('error', error => end(error.code === 'ETIMEDOUT' ? 'unreachable' : error.code))
  })
}

// ask says with which status a request is answered.
function ask (what, method, url) {
  return new Promise(resolve => {
    const end = outcome => { say(what, outcome); resolve() }
    const request = http.request(url, { method, timeout: 30000 }, answer => { answer.resume(); end(answer.statusCode) })
    request.on('timeout', () => { end('no answer'); request.destroy() })
    request.on('error', error => end(error.code))
    request.end()
  })
}

async function main () {
  say('environment', list(environment()))
  say('files', list(search.found('/', needles)))
  say('processes', list(processes()))
  for (const file of ['/var/run/secrets/kubernetes.io/serviceaccount/token', '/registry-credentials/config.json', '/credentials/password', '/private']) {
    attempt(`read ${file}`, () => fs.readdirSync(file))
  }
  // A program that runs cannot be written anywhere, but be put aside.
  attempt('replace /toolforge/toolforge-build', () => fs.renameSync('/toolforge/toolforge-build', '/toolforge/aside'))
  for (const file of ['/toolforge/poison', '/platform/poison', '/platform/env/poison', '/cnb/lifecycle/builder', '/cnb/poison']) {
    attempt(`write ${file}`, () => fs.closeSync(fs.openSync(file, 'a')))
  }
  const registry = `http://${aims.registry}/v2`
  await Promise.all([
    connect('metadata', '169.254.169.254', 80),
    connect('API server by name', 'kubernetes.default.svc.cluster.local', 443),
    connect('API server by its Service', '10.96.0.1', 443),
    connect('API server by address', '10.88.0.1', 6443),
    connect('kubelet', '10.88.0.1', 10250),
    connect('pod of another tool', aims.pod, 8000),
    connect('Service of another tool', 'webservice.tool-hostile-victim.svc.cluster.local', 8000),
    connect('the platform', 'toolforged.toolforged.svc.cluster.local', 80),
    ask('read an image', 'GET', `${registry}/tool-hostile-victim/main/tags/list`),
    ask('write its own image', 'POST', `${registry}/tool-hostile/main/blobs/uploads/`),
    ask("write another tool's image", 'PUT', `${registry}/tool-hostile-victim/main/manifests/poison`),
    ask("delete another tool's image", 'DELETE', `${registry}/tool-hostile-victim/main/manifests/poison`),
    ask('write the builder', 'PUT', `${registry}/toolforge/builder/manifests/bookworm`),
    ask("read another tool's cache", 'GET', `${registry}/cache/tool-hostile-victim/main/tags/list`),
    ask("write another tool's cache", 'POST', `${registry}/cache/tool-hostile-victim/main/blobs/uploads/`),
    ask('list all repositories', 'GET', `${registry}/_catalog`)
  ])
  say('poisoned places', search.put(aims.poison) > 3 ? 'some' : 'NONE')
  fs.writeFileSync('result.txt', results.join('\n') + '\n')
}

main()
