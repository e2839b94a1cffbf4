// @grpc/grpc-js with one channel; a message is the bytes of the rows, so nothing is left to serialise.
import { GrpcConnection } from '../grpc.js'
import { floats, type Model, manyRows, type Open, rowBytes } from './session.js'

export const open: Open = async (rows, port) => {
  const connection = new GrpcConnection(Number(port))
  const request = async (model: Model, body: Buffer) =>
    floats(await connection.call(`/churn/${model}`, body))
  return {
    one: async (model, at) => (await request(model, rowBytes(rows, at, 1)))[0]!,
    many: (model, at) => request(model, rowBytes(rows, at, manyRows)),
    close: async () => connection.close(),
  }
}
