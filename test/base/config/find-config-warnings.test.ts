import { expect, it } from 'vitest';
import { findConfigWarnings } from '../../../src/base/config/find-config-warnings.ts';
import { parseConfig } from '../../../src/base/config/load.ts';

/** The options that warnings of a configuration begin with. */
function warnedOf(text: string): readonly (string | undefined)[] {
  const config = parseConfig(text, '/etc/rpmyard/config.yml');
  return findConfigWarnings(config).map((warning) => warning.split(':')[0]);
}

const PUBLIC_URL = 'public_url: http://repo.example.com';

it('a port behind nginx is warned of, a socket and a service without nginx are not', () => {
  expect(warnedOf(`server: { address: 127.0.0.1, ${PUBLIC_URL} }`)).toEqual(['server.address']);
  expect(warnedOf(`server: { address: /run/rpmyard.sock, ${PUBLIC_URL} }`)).toEqual([]);
  expect(warnedOf("server: { upload_header: '' }")).toEqual([]);
});

it.each(['/run/rpmyard.sock', '127.0.0.1', 'localhost'])(
  'behind nginx on %s, a public URL that was left out is warned of',
  (address) => {
    expect(warnedOf(`server: { address: ${address} }`)).toContain('server.public_url');
    expect(warnedOf(`server: { address: ${address}, upload_header: '' }`)).toEqual([]);
  },
);

it('an answer to weak signatures is warned of where no signature is required', () => {
  const keyring = (more: string): string =>
    `server: { upload_header: '' }\npackage_signatures: { keyrings: [{ repositories: ['*'], key_files: [a.asc]${more} }] }`;
  expect(warnedOf(keyring(', weak: refuse'))).toEqual(['package_signatures.keyrings.0']);
  expect(warnedOf(keyring(', weak: accept, require: none'))).toEqual(['package_signatures.keyrings.0']);
  expect(warnedOf(keyring(', weak: accept, require: signed'))).toEqual([]);
  expect(warnedOf(keyring(''))).toEqual([]);
});
