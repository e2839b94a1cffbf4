import { mkdtempSync, rmSync } from 'node:fs'
import { open, readFile, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawn, type Tensor } from 'isthmus'
import t from 'tap'
import { readNpy, writeNpy } from './npy.js'

const folder = mkdtempSync(join(tmpdir(), 'isthmus-npy-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const path = (name: string) => join(folder, name)

/** numpy's own reader and writer. */
const numpy = await spawn({
  source: `
import numpy as np

def load(path):
    array = np.load(path)
    assert array.flags.c_contiguous and np.load(path, mmap_mode="r").ctypes.data % 64 == 0
    return array

def save(path, array, version=None, order="C", dtype="float32"):
    with open(path, "wb") as file:
        np.lib.format.write_array(file, np.array(array, dtype, order=order), version and tuple(version))
`,
})
t.teardown(() => numpy.close())

const random = (length: number) => Float32Array.from({ length }, () => Math.random() - 0.5)

async function written(name: string, shape: number[], array: Float32Array): Promise<string> {
  const file = await open(path(name), 'w')
  try {
    return await writeNpy(file, shape, array)
  } finally {
    await file.close()
  }
}

t.test('numpy reads what Node writes', async t => {
  for (const shape of [[0], [1], [7], [3, 5, 2], [3, 100_000, 2], [2, 1, 1, 1, 1, 1, 1, 1, 3]]) {
    const array = random(shape.reduce((product, length) => product * length))
    await written('node.npy', shape, array)
    const read = (await numpy.call('load', path('node.npy'))) as Tensor<'float32'>
    t.same(read.shape, shape)
    t.equal(read.dtype, 'float32')
    t.ok(
      Buffer.from(read.data.buffer, read.data.byteOffset, read.byteLength).equals(bytesOf(array)),
    )
  }
})

t.test('Node reads what numpy writes, in every version of the format', async t => {
  for (const version of [undefined, [1, 0], [2, 0], [3, 0]]) {
    const array = random(3 * 1001 * 2)
    const tensor = numpy.tensor.from(array).reshape([3, 1001, 2])
    await numpy.call('save', path('numpy.npy'), tensor, version ?? null)
    const into = new Float32Array(array.length)
    await readNpy(path('numpy.npy'), [3, 1001, 2], into)
    t.ok(bytesOf(into).equals(bytesOf(array)))
  }
})

t.test('both agree to the last bit, and on the digest', async t => {
  const array = random(600)
  await numpy.call('save', path('numpy.npy'), numpy.tensor.from(array).reshape([3, 100, 2]))
  const digest = await written('node.npy', [3, 100, 2], array)
  const elements = async (name: string) => (await readFile(path(name))).subarray(-2400)
  t.ok((await elements('node.npy')).equals(await elements('numpy.npy')))
  t.equal(await readNpy(path('numpy.npy'), [3, 100, 2], new Float32Array(600)), digest)
})

t.test('what is not that array is refused, and the message says what it is', async t => {
  const tensor = numpy.tensor.from(random(24)).reshape([3, 4, 2])
  const good = path('good.npy')
  const fresh = () => numpy.call('save', good, tensor)
  const refused = async (message: RegExp) => {
    await t.rejects(readNpy(good, [3, 4, 2], new Float32Array(24)), { code: 'NPY', message })
  }
  await fresh()
  await truncate(good, 220)
  await refused(/has 220 bytes instead of 224/)
  await truncate(good, 225)
  await refused(/has 225 bytes instead of 224/)
  for (const length of [0, 5, 9, 60]) {
    await fresh()
    await truncate(good, length)
    await refused(/ends too early/)
  }
  await writeFile(good, 'a text that is long enough')
  await refused(/is not an \.npy file/)
  await writeFile(good, Buffer.from('\x93NUMPY\x01\x00\x10\x00{wrong: header!\n', 'latin1'))
  await refused(/has a header that is none: \{wrong: header!/)
  await writeFile(good, Buffer.from('\x93NUMPY\x09\x00\x10\x00{wrong: header!\n', 'latin1'))
  await refused(/has version 9/)
  await writeFile(good, Buffer.from('\x93NUMPY\x02\x00\xff\xff\xff\xff', 'latin1'))
  await refused(/its header has 4294967295 bytes/)
  await numpy.call('save', good, tensor, null, 'C', 'float64')
  await refused(/must hold float32 in C order, not <f8/)
  await numpy.call('save', good, tensor, null, 'F')
  await refused(/must hold float32 in C order, not <f4 in Fortran order/)
  await numpy.call('save', good, tensor.reshape([3, 2, 4]))
  await refused(/must have the shape \[3, 4, 2\], not \[3, 2, 4\]/)
  await t.rejects(readNpy(path('none.npy'), [1], new Float32Array(1)), { code: 'ENOENT' })
})

const bytesOf = (array: Float32Array) =>
  Buffer.from(array.buffer, array.byteOffset, array.byteLength)
