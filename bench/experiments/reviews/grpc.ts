// gRPC: one connection, eight calls under way.
import { GrpcConnection } from '../grpc.js'
import { startServer } from '../server.js'
import { labelEach } from './texts.js'

const server = await startServer('reviews/grpc_server.py')
const connection = new GrpcConnection(server.port)
await connection.ready()
await labelEach(async text => {
  const answer = await connection.call('/reviews.Sentiment/Label', Buffer.from(text))
  return answer.toString()
}, 8)
connection.close()
await server.stop()
