// What an honest build finds of what a hostile one left behind.
const fs = require('fs')
const search = require('./search')

const aims = JSON.parse(fs.readFileSync('aims.json', 'utf8'))
// But for the layers that are kept for the next build of this one tool, which it made itself: npm's downloads, which npm looks at
// by their digests, and the modules, which it installs anew.
const kept = /^\/(layers\/[^/]+\/npm-cache|cache\/committed)\//
const found = search.found('/', [aims.poison], ['/workspace/aims.json']).filter(name => !kept.test(name))
  .concat(search.found('/cache', ['behind ' + aims.poison]))
fs.writeFileSync('result.txt', found.map(name => `poison in ${name}\n`).join('') + 'looked\n')
