// The inputs of test/fuzz/python_decoder.py, and what libFuzzer does to them.
//
//   0         1      2    3       4
//   +---------+------+----+-------+----------------+---------------------+
//   | mode    | kind | id | count | `count` tensors| payload: MessagePack|
//   +---------+------+----+-------+----------------+---------------------+
//   mode, bit 0: the server handles it, otherwise only the codec;  bit 1: after this byte, the message itself
//
// Each tensor: dtype, axes (low 6 bits; bit 6: with strides), offset / 4, block; then a byte per length and per stride.
// So bytes that change at random are other tensors and values, and rarely a message that the core refuses: the core's
// own fuzzers see to that. Messages as they are (bit 1) reach what tables that overlap do to the glue.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace isthmus::decoder {

// The message that an input stands for; its tensors lie in arena `arena`.
[[nodiscard]] std::vector<uint8_t> message_of(const uint8_t* input, size_t size, uint64_t arena);

// Where the payload starts.
[[nodiscard]] size_t payload_at(const uint8_t* input, size_t size);

// For libFuzzer: swaps, repeats and nests whole values of the payload, or puts difficult ones in; or changes bytes.
size_t mutate(uint8_t* input, size_t size, size_t room, unsigned int seed);

}  // namespace isthmus::decoder
