// What an honest build finds of what a hostile one left behind.
const fs = require('fs')
const search = require('./search')

const aims = JSON.parse(fs.readFileSync('aims.json', 'utf8'))
// But for the downloads that npm keeps for the next build of this one tool, and looks at by their digests.
const found = search.found('/', [aims.poison], ['/workspace/aims.json']).filter(name => !/^\/layers\/[^/]+\/npm-cache\//.test(name))
fs.writeFileSync('result.txt', found.map(name => `poison in ${name}\n`).join('') + 'looked\n')
