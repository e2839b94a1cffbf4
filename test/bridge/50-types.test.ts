// What the compiler knows. Compiling this file is the test: a line after @ts-expect-error must not compile.
import {
  type Bridge,
  type BridgeStats,
  type CallOptions,
  type DType,
  type ErrorCode,
  kwargs,
  type PythonError,
  type SpawnOptions,
  spawn,
  Tensor,
  type TypedArrayOf,
  type ValueTypeError,
} from 'isthmus'
import t from 'tap'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
/** Compiles only if it is called as `exactly<Same<A, B>>()` with equal types. */
const exactly = <_ extends true>() => {}

/** Never called. */
export async function types(py: Bridge, tensor: Tensor) {
  // data by dtype
  exactly<Same<Tensor<'float32'>['data'], Float32Array<ArrayBuffer>>>()
  exactly<Same<Tensor<'float64'>['data'], Float64Array<ArrayBuffer>>>()
  exactly<Same<Tensor<'int64'>['data'], BigInt64Array<ArrayBuffer>>>()
  exactly<Same<Tensor<'uint64'>['data'], BigUint64Array<ArrayBuffer>>>()
  exactly<Same<Tensor<'bool'>['data'], Uint8Array<ArrayBuffer>>>()
  exactly<Same<Tensor<'bfloat16'>['data'], Uint16Array<ArrayBuffer>>>()
  exactly<Same<Tensor<'complex64'>['data'], Float32Array<ArrayBuffer>>>()
  exactly<Same<Tensor<'datetime64[ns]'>['data'], BigInt64Array<ArrayBuffer>>>()
  exactly<Same<TypedArrayOf<'timedelta64'>, BigInt64Array<ArrayBuffer>>>()

  // at() by dtype
  exactly<Same<ReturnType<Tensor<'float32'>['at']>, number>>()
  exactly<Same<ReturnType<Tensor<'int64'>['at']>, bigint>>()
  exactly<Same<ReturnType<Tensor<'bool'>['at']>, boolean>>()
  exactly<Same<ReturnType<Tensor<'datetime64[D]'>['at']>, bigint>>()
  exactly<
    Same<ReturnType<Tensor<'complex128'>['at']>, readonly [real: number, imaginary: number]>
  >()

  // tensors are made with the dtype that was named
  const made = py.tensor('int16', [2, 3])
  exactly<Same<typeof made, Tensor<'int16'>>>()
  exactly<Same<typeof made.shape, readonly number[]>>()
  const from = py.tensor.from([1, 2], { dtype: 'float32' })
  exactly<Same<typeof from, Tensor<'float32'>>>()
  exactly<Same<ReturnType<typeof made.reshape>, Tensor<'int16'>>>()
  exactly<Same<ReturnType<typeof made.subarray>, Tensor<'int16'>>>()
  exactly<Same<ReturnType<typeof made.copy>, Tensor<'int16'>>>()
  py.tensor('float32', [1], { uninitialized: true })
  // @ts-expect-error: no such dtype
  py.tensor('float', [1])
  // @ts-expect-error: no such unit
  py.tensor('datetime64[weeks]', [1])
  // @ts-expect-error: a shape is a list
  py.tensor('float32', 3)
  // @ts-expect-error: no such option
  py.tensor('float32', [1], { zeroed: true })
  // @ts-expect-error: tensors are made by a bridge
  new Tensor('float32', [1])
  // @ts-expect-error: shape does not change
  made.shape = [6]
  // @ts-expect-error: nor do its lengths
  made.shape[0] = 6

  // calls give unknown: the caller says what it is
  exactly<Same<ReturnType<Bridge['call']>, Promise<unknown>>>()
  await py.call('step', made, 0.01, kwargs({ method: 'euler' }))
  await py.fn.step!(made, kwargs({ dt: 1 }))
  await py.fn.linalg!.norm!(made)
  // @ts-expect-error: a name is a string
  await py.call(5)
  // @ts-expect-error: keywords are an object
  kwargs(5)

  // options
  const options: SpawnOptions = { memory: '2GB', ringBytes: 4096, spin: 'auto', stdout: 'events' }
  await spawn('./model.py', options)
  await spawn(new URL('file:///model.py'))
  await spawn({ module: 'numpy' })
  await spawn({ source: 'def f(): …', name: 'f' })
  // @ts-expect-error: one of three words
  await spawn('./model.py', { stdout: 'pipe' })
  // @ts-expect-error: no such option
  await spawn('./model.py', { timout: 5 })
  // @ts-expect-error: no such target
  await spawn({ file: './model.py' })
  const callOptions: CallOptions = { signal: AbortSignal.timeout(5), timeout: 10 }
  await py.with(callOptions).call('step')
  await py.with({ timeout: 5 }).fn.step!()
  // @ts-expect-error: no such option
  py.with({ timeot: 5 })

  // disposal, events, stats
  {
    await using other: AsyncDisposable = py
    using one: Disposable = tensor
    void [other, one]
  }
  py.on('stdout', line => exactly<Same<typeof line, string>>())
  py.on('exit', ({ code, signal }) =>
    exactly<Same<[typeof code, typeof signal], [number | null, string | null]>>(),
  )
  exactly<Same<ReturnType<Bridge['stats']>, BridgeStats>>()
  exactly<Same<BridgeStats['copiedBytes'], number>>()

  // codes are literals, so that a switch over them is checked
  exactly<Same<PythonError['code'], 'ERR_PYTHON'>>()
  exactly<Same<ValueTypeError['code'], 'ERR_VALUE'>>()
  const isCode = (code: ErrorCode) => code
  isCode('ERR_WORKER_EXITED')
  // @ts-expect-error: no such code
  isCode('ERR_NONE')

  // a tensor whose dtype is not known yet
  exactly<Same<Tensor['dtype'], DType>>()
}

t.test('the public types are what this file says', async t => {
  t.equal(typeof types, 'function', 'it compiled')
})
