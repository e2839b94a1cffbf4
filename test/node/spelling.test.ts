import t from 'tap'
import { didYouMean, nearest } from '#src/spelling.js'

const words = ['timeout', 'startTimeout', 'memory', 'spin', 'cwd']

t.test('the nearest word is found through typing errors', async t => {
  t.equal(nearest('timout', words), 'timeout')
  t.equal(nearest('timeuot', words), 'timeout')
  t.equal(nearest('StartTimeOut', words), 'startTimeout')
  t.equal(nearest('cdw', words), 'cwd')
  t.equal(nearest('memroy', words), 'memory')
})

t.test('a word that resembles none suggests none', async t => {
  t.equal(nearest('colour', words), undefined)
  t.equal(nearest('', words), undefined)
  t.equal(didYouMean('xyz', words), '')
  t.equal(didYouMean('memori', words), "; did you mean 'memory'?")
})
