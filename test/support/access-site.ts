import { createHmac, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hashToken, newToken } from '../../src/trust/token-hash.ts';
import { type Front, type Site, startSite } from './run-site.ts';
import { createTempDir } from './temp-dir.ts';

/** May upload to 9. */
export const CI_TOKEN = newToken();
/** May read everything. */
export const READER_TOKEN = newToken();
/** The secret of the key build1, which may upload everywhere and sign in the plain form too. */
export const BUILD_KEY = randomBytes(32).toString('hex');

/** As a site that restricts reading changes nginx's configuration. */
const READING_IS_ASKED_FOR = { from: 'set $rpmyard_reading public;', to: 'set $rpmyard_reading asked;' };

/** Starts a site with access rules. */
export async function startAccessSite(
  front: Front,
  access: { readonly public_read?: readonly string[] } = {},
): Promise<Site> {
  const keys = await createTempDir();
  const file = join(keys.path, 'build1.key');
  await writeFile(file, `${BUILD_KEY}\n`, { mode: 0o600 });
  const config = {
    access: {
      tokens: [
        { name: 'ci', hash: hashToken(CI_TOKEN), upload: ['9/*'] },
        { name: 'reader', hash: hashToken(READER_TOKEN), read: ['*'] },
      ],
      keys: [{ id: 'build1', file, upload: ['*'], allow_plain_signature: true }],
      ...access,
    },
  };
  const replacements = access.public_read === undefined ? [] : [READING_IS_ASKED_FOR];
  const site = await startSite({ front, config, replacements });
  const dispose = site[Symbol.asyncDispose].bind(site);
  return Object.assign(site, {
    [Symbol.asyncDispose]: async () => {
      await dispose();
      await keys.remove();
    },
  });
}

/** curl's arguments that sign a request as docs/http.md says. */
export function signedHeaders(request: {
  readonly method: string;
  readonly url: string;
  readonly sha256: string;
  readonly nonce?: string;
  readonly timestampSeconds?: number;
}): readonly string[] {
  const { method, url, sha256 } = request;
  const nonce = request.nonce ?? randomBytes(16).toString('hex');
  const time = String(request.timestampSeconds ?? Math.floor(Date.now() / 1000));
  const signature = createHmac('sha256', BUILD_KEY)
    .update([method, url, time, nonce, sha256].join('\n'))
    .digest('hex');
  const headers = {
    'X-Key-Id': 'build1',
    'X-Signature': `sha256=${signature}`,
    'X-Timestamp': time,
    'X-Nonce': nonce,
    'X-Checksum-Sha256': sha256,
  };
  return Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
}
