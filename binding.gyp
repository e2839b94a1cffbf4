{
  # Sources are globs (scripts/native-flags.mjs), so that a new file needs no change here.
  "target_defaults": {
    "cflags_cc!": ["-std=gnu++17", "-std=gnu++20", "-fno-rtti", "-fno-exceptions"],
    "cflags_cc": [
      "-std=c++20", "-O2", "-fPIC", "-fno-exceptions", "-fno-rtti", "-fvisibility=hidden",
      "-fvisibility-inlines-hidden", "-Wall", "-Wextra", "-Werror",
      # The same sources give the same bytes in whatever folder they lie.
      "-ffile-prefix-map=<(module_root_dir)=.",
      # Only our own code is held to these warnings.
      "-isystem", "<(module_root_dir)/native/generated/include",
      "-isystem", "<(node_root_dir)/include/node"
    ],
    "cflags!": ["-Wno-unused-parameter"],
    "include_dirs": ["native", "native/generated"],
    "default_configuration": "Release"
  },
  "targets": [
    {
      "target_name": "isthmus_core",
      "type": "static_library",
      "sources": ["<!@(node scripts/native-flags.mjs core-sources)"]
    },
    {
      "target_name": "isthmus_node",
      "type": "loadable_module",
      "dependencies": ["isthmus_core"],
      "sources": ["<!@(node scripts/native-flags.mjs node-sources)"],
      "defines": [
        "NAPI_VERSION=9", "NAPI_DISABLE_CPP_EXCEPTIONS", "NODE_ADDON_API_DISABLE_DEPRECATED",
        # A thread may be terminated while it is in the addon: nothing can be thrown then, and that is no reason to abort.
        "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"
      ],
      "cflags_cc": ["-isystem", "<!(node scripts/native-flags.mjs node-addon-api)"],
      # Node unloads an addon when the worker thread that loaded it ends, while V8 may still call into it.
      "ldflags": ["-Wl,-z,nodelete", "-Wl,-z,now", "-Wl,--exclude-libs,ALL"]
    },
    {
      "target_name": "isthmus_python",
      "type": "loadable_module",
      "product_name": "_native",
      "dependencies": ["isthmus_core"],
      "sources": ["<!@(node scripts/native-flags.mjs python-sources)"],
      "defines": ["Py_LIMITED_API=0x030b0000", "NPY_NO_DEPRECATED_API=NPY_1_23_API_VERSION"],
      "cflags_cc": [
        "-isystem", "<!(node scripts/native-flags.mjs python-include)",
        "-isystem", "<!(node scripts/native-flags.mjs numpy-include)"
      ],
      "ldflags": ["-Wl,-z,nodelete", "-Wl,-z,now", "-Wl,--exclude-libs,ALL"]
    }
  ]
}
