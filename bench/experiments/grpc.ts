// gRPC as the benchmarks use it, on a port of this machine.
import { GrpcConnection as Connection, grpcPackage } from '../grpc.js'
import { installRivals } from '../packages.js'

/** It is a rival, not a dependency: installed when first needed. */
export const installGrpc = (): void => installRivals([grpcPackage])

export class GrpcConnection extends Connection {
  constructor(port: number) {
    super(`127.0.0.1:${port}`)
  }
}
