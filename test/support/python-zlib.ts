import { execFileSync } from 'node:child_process';

const SCRIPT = `
import gzip, json, sys, zlib
packed = sys.stdin.buffer.read()
member = zlib.decompressobj(zlib.MAX_WBITS | 16)
content = member.decompress(packed) + member.flush()
print(json.dumps({
    'isEnded': member.eof,
    'bytesAfter': len(member.unused_data),
    'content': content.hex(),
    'isSameByGzip': gzip.decompress(packed) == content,
}))
`;

/** The first member of a gzip file as Python's zlib reads it, which stops where that member ends. */
export interface FirstMember {
  readonly isEnded: boolean;
  /** Bytes behind the member: 0 when the file is one member. */
  readonly bytesAfter: number;
  readonly content: Buffer;
  /** Whether Python's gzip module, which reads all members, finds the same content. */
  readonly isSameByGzip: boolean;
}

export function readFirstMember(packed: Uint8Array): FirstMember {
  const output = execFileSync('/usr/bin/python3', ['-c', SCRIPT], { input: packed, maxBuffer: 1 << 30 });
  const found = JSON.parse(output.toString());
  return { ...found, content: Buffer.from(found.content, 'hex') };
}
