import { describe, expect, it } from 'vitest';
import { createAccess } from '../../src/trust/access.ts';
import { renderExampleConfig } from '../../src/base/config/example.ts';
import { parseConfig } from '../../src/base/config/load.ts';
import { admit } from '../support/admit.ts';
import { rejectedCodeOf } from '../support/app-error.ts';
import { runRpmyard } from '../support/run-rpmyard.ts';
import { repo } from '../support/repo.ts';

/** What a service does that has the printed entry in its configuration. */
function accessOf(stdout: string): ReturnType<typeof createAccess> {
  const { access } = parseConfig(stdout.slice(stdout.indexOf('access:')), 'config.yml');
  return createAccess({
    tokens: access.tokens,
    keys: [],
    requireCredentials: false,
    publicRead: access.publicRead,
    localToken: 'x'.repeat(32),
    nonces: { isNonceUsed: async () => false, useNonce: async () => true },
    now: Date.now,
  });
}

const requestWith = (stdout: string) => {
  const secret = /^ {2}(?<secret>\S+)$/m.exec(stdout)?.groups?.['secret'] ?? '';
  return { method: 'PUT', url: '/upload', headers: { authorization: `Bearer ${secret}` } };
};

describe('rpmyard token new', () => {
  it('prints a token and the entry that lets it in, with the rights that were asked for', async () => {
    const { exitCode, stdout } = await runRpmyard(
      'token',
      'new',
      'ci',
      '--upload',
      '9/*',
      '--upload',
      '10/*',
    );
    expect(exitCode).toBe(0);
    const access = accessOf(stdout);
    const admitTo = (repository: string) =>
      admit(access, requestWith(stdout), { right: 'upload', in: { repository: repo(repository) } });
    expect(await admitTo('9/x86_64')).toMatchObject({ kind: 'token', name: 'ci' });
    expect(await admitTo('10/aarch64')).toMatchObject({ name: 'ci' });
    expect(await rejectedCodeOf(admitTo('41/x86_64'))).toBe('RIGHT_MISSING');
    const hash = /hash: '(?<hash>[^']+)'/.exec(stdout)?.groups?.['hash'] ?? '';
    expect(requestWith(stdout).headers.authorization).not.toContain(hash);
  });

  it('without rights is for uploads anywhere, and never gives the same token twice', async () => {
    const [first, second] = await Promise.all([
      runRpmyard('token', 'new', 'alice@laptop'),
      runRpmyard('token', 'new', 'alice@laptop'),
    ]);
    const need = { right: 'upload', in: { repository: repo('41/x86_64') } } as const;
    expect(await admit(accessOf(first.stdout), requestWith(first.stdout), need)).toMatchObject({
      name: 'alice@laptop',
    });
    expect(await rejectedCodeOf(admit(accessOf(first.stdout), requestWith(second.stdout), need))).toBe(
      'CREDENTIALS_INVALID',
    );
  });

  it('prints an entry that fits into config.example.yml as it is told, and a second one behind it', async () => {
    const [first, second] = [await runRpmyard('token', 'new', 'ci'), await runRpmyard('token', 'new', 'cd')];
    const lines = (stdout: string, from: string): string => stdout.slice(stdout.indexOf(from));
    const withOne = renderExampleConfig().replace('  tokens: []\n', () => lines(first.stdout, '  tokens:\n'));
    const entries = lines(first.stdout, '    - name');
    const withTwo = withOne.replace(entries, () => `${entries}${lines(second.stdout, '    - name')}`);
    const namesIn = (text: string) => parseConfig(text, 'config.yml').access.tokens.map(({ name }) => name);
    expect(namesIn(withOne)).toEqual(['ci']);
    expect(namesIn(withTwo)).toEqual(['ci', 'cd']);
  });

  it.each([
    [[]],
    [['new']],
    [['old', 'ci']],
    [['new', 'ci', 'more']],
    [['new', "it's"]],
    [['new', 'ci', '--upload', "9/*'"]],
    [['new', 'ci', '--grant', '9/*']],
  ])('refuses %j', async (words) => {
    const { exitCode, stdout, stderr } = await runRpmyard('token', ...words);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toMatch(/PARAMETER_INVALID|there is no option/);
  });
});
