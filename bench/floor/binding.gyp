# The floors: what any bridge is measured against. Built by bench/floor/build.ts with node-gyp,
# apart from the product, so that installing Isthmus never compiles a benchmark.
{
  "target_defaults": {
    "cflags_cc": ["-std=c++20", "-O2", "-Wall", "-Wextra", "-Werror", "-fno-exceptions"],
    "cflags_cc!": ["-std=gnu++17", "-std=gnu++20"],
  },
  "targets": [
    {"target_name": "node_loop", "sources": ["node_loop.cc"]},
    {"target_name": "responder", "type": "executable", "sources": ["responder.cc"]},
    {"target_name": "cache_line", "type": "executable", "sources": ["cache_line.cc"]},
    {"target_name": "memcpy", "type": "executable", "sources": ["memcpy.cc"]},
  ],
}
