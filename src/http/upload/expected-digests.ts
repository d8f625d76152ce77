import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from '../../errors.ts';
import { headerText } from '../../base/text/header-text.ts';
import type { ExpectedDigest } from '../../intake/spooled-upload.ts';

// RFC 9530, section 5: the algorithms a server should know; others in the header are passed over, as it says.
const RFC_9530_ALGORITHMS = new Map([
  ['sha-256', { algorithm: 'sha256', bytes: 32 }],
  ['sha-512', { algorithm: 'sha512', bytes: 64 }],
] as const);

/**
 * The digests a client sent for its body: Content-Digest and Repr-Digest (RFC 9530, equal here because a body is
 * never a part or an encoding of the package) and X-Checksum-Sha256 (hex).
 * @throws AppError DIGEST_INVALID for a value that cannot be read.
 */
export function expectedDigests(headers: IncomingHttpHeaders): readonly ExpectedDigest[] {
  return [
    ...['content-digest', 'repr-digest'].flatMap((header) =>
      fromDictionary(header, headerText(headers[header])),
    ),
    ...fromHex('x-checksum-sha256', headerText(headers['x-checksum-sha256'])),
  ];
}

function fromDictionary(header: string, value: string | undefined): readonly ExpectedDigest[] {
  if (value === undefined) return [];
  // The last of a name counts (RFC 8941, section 3.2): whatever comes more than once is computed once.
  const byName = new Map<string, ExpectedDigest>();
  for (const member of value.split(',')) {
    const match = /^\s*(?<name>[a-z0-9*_.-]+)=:(?<base64>[A-Za-z0-9+/]+={0,2}):\s*$/.exec(member);
    if (match?.groups === undefined) throw invalid(header, 'sha-256=:<base64>:');
    const known = [...RFC_9530_ALGORITHMS].find(([name]) => name === match.groups?.['name'])?.[1];
    if (known === undefined) continue;
    const digest = Buffer.from(match.groups['base64'] ?? '', 'base64');
    if (digest.length !== known.bytes) throw invalid(header, `${known.bytes} bytes in base64`);
    byName.set(known.algorithm, { algorithm: known.algorithm, hex: digest.toString('hex'), header });
  }
  return [...byName.values()];
}

function fromHex(header: string, value: string | undefined): readonly ExpectedDigest[] {
  if (value === undefined) return [];
  const hex = value.trim().toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(hex)) throw invalid(header, '64 hexadecimal digits');
  return [{ algorithm: 'sha256', hex, header }];
}

function invalid(header: string, expected: string): AppError {
  return new AppError('DIGEST_INVALID', `the header ${header} cannot be read, expected ${expected}`, {
    hint: 'Correct the header or leave it out.',
  });
}
