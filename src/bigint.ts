/** The shortest two's complement of an integer, most significant byte first. */
export function twosComplement(value: bigint): Uint8Array {
  const negative = value < 0n
  const digits = (negative ? ~value : value).toString(16)
  // One bit more than the magnitude needs, for the sign.
  const needsByte = digits.length % 2 === 0 && digits.charCodeAt(0) > 0x37
  const bytes = Buffer.from((digits.length % 2 === 1 ? '0' : needsByte ? '00' : '') + digits, 'hex')
  if (negative) for (let i = 0; i < bytes.length; i++) bytes[i] = ~bytes[i]!
  return bytes
}

/** The inverse; any length, redundant bytes too. */
export function fromTwosComplement(bytes: Uint8Array): bigint {
  if (bytes.length === 0) return 0n
  const value = BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
  return bytes[0]! < 0x80 ? value : value - (1n << BigInt(bytes.length * 8))
}
