import { execFileSync } from 'node:child_process';

// librpm needs libzstd, so it is wherever rpm is. ZSTD_decompress takes any number of frames, one after the other.
const SCRIPT = `
import ctypes, sys
library = ctypes.CDLL('libzstd.so.1')
library.ZSTD_decompress.restype = ctypes.c_size_t
library.ZSTD_decompress.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
library.ZSTD_getErrorName.restype = ctypes.c_char_p
library.ZSTD_getErrorName.argtypes = [ctypes.c_size_t]
packed = sys.stdin.buffer.read()
content = ctypes.create_string_buffer(int(sys.argv[1]))
size = library.ZSTD_decompress(content, len(content), packed, len(packed))
if library.ZSTD_isError(ctypes.c_size_t(size)):
    sys.exit(library.ZSTD_getErrorName(size).decode())
sys.stdout.buffer.write(content.raw[:size])
`;

/** The content of a zstd file of any number of frames, as libzstd reads it. @throws Error with libzstd's words. */
export function readByLibzstd(packed: Uint8Array, maxBytes = 64 * 1024 * 1024): Buffer {
  return execFileSync('/usr/bin/python3', ['-c', SCRIPT, String(maxBytes)], {
    input: packed,
    maxBuffer: 1 << 30,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}
