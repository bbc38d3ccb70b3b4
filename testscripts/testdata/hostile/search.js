// Where texts are found in files, and where a text can be put. Debian's own files are passed over: every image has them.
const fs = require('fs')
const path = require('path')

const skipped = new Set(['/proc', '/sys', '/dev', '/usr', '/lib', '/lib64', '/bin', '/sbin', '/var/lib', '/var/cache', '/etc/ssl'])
const largest = 64 << 20

function * walk (dir) {
  let entries
  try { entries = fs.readdirSync(dir, { withFileTypes: true }) } catch { return }
  for (const entry of entries) {
    const name = path.join(dir, entry.name)
    if (skipped.has(name)) continue
    if (entry.isDirectory()) { yield [name, true]; yield * walk(name) } else if (entry.isFile()) yield [name, false]
  }
}

// found lists the files below dir that hold one of the texts.
exports.found = function (dir, texts, except = []) {
  const files = []
  for (const [name, isDirectory] of walk(dir)) {
    if (isDirectory || except.includes(name)) continue
    try {
      if (fs.statSync(name).size > largest) continue
      const content = fs.readFileSync(name)
      if (texts.some(text => content.includes(text))) files.push(name)
    } catch {}
  }
  return files
}

// put writes a text into every directory that can be written, and behind every file below /cache.
exports.put = function (text) {
  let places = 0
  for (const [name, isDirectory] of [['/tmp', true], ['/workspace', true], ['/cache', true], ['/layers', true], ...walk('/')]) {
    if (name.includes('node_modules')) continue
    try {
      if (isDirectory) fs.writeFileSync(path.join(name, 'poison'), text)
      else if (name.startsWith('/cache/')) fs.appendFileSync(name, 'behind ' + text)
      else continue
      places++
    } catch {}
  }
  return places
}
