import { chmod, chown } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { createTempDir } from '../support/temp-dir.ts';

/** Of nobody and nogroup on every distribution. */
const NOBODY = 65_534;
const BECOME_OWNER = fileURLToPath(new URL('../../src/cli/become-owner.ts', import.meta.url));
const WHO = `({
  uid: process.geteuid(),
  gid: process.getegid(),
  groups: process.getgroups(),
  home: process.env.HOME,
  temporary: os.tmpdir(),
  directory: process.cwd(),
})`;

/** What root is before, during and after something. */
async function runAsRoot(script: (directory: string) => string) {
  await using dir = await createTempDir();
  await chmod(dir.path, 0o755);
  await chown(dir.path, NOBODY, NOBODY);
  const source = `
    import os from 'node:os';
    import { asOwner, becomeOwner } from ${JSON.stringify(BECOME_OWNER)};
    const who = () => ${WHO};
    process.setgroups([0, 4]);
    const told = [];
    ${script(JSON.stringify(dir.path))}
    console.log(JSON.stringify(told));
  `;
  const { stdout } = await execa(process.execPath, ['--input-type=module', '--eval', source], {
    env: { HOME: '/root', TMPDIR: dir.path },
    cwd: dir.path,
  });
  return { told: JSON.parse(stdout), directory: dir.path };
}

const asNobody = { uid: NOBODY, gid: NOBODY, groups: [NOBODY] };

describe.skipIf(userInfo().uid !== 0)('root at a path of another user', () => {
  it('is that user for a work, groups included, and root again, also when the work fails', async () => {
    const { told } = await runAsRoot(
      (directory) => `
        await asOwner(${directory}, async () => told.push(who()));
        told.push(who());
        await asOwner(${directory}, async () => { throw new Error('failed'); }).catch(() => told.push(who()));
      `,
    );
    const asRoot = { uid: 0, gid: 0, groups: [0, 4] };
    expect(told).toMatchObject([asNobody, asRoot, asRoot]);
  });

  it('goes on as that user, without the folders of root', async () => {
    const { told } = await runAsRoot(
      (directory) => `
        becomeOwner(${directory});
        told.push(who());
      `,
    );
    expect(told).toEqual([{ ...asNobody, home: '/', temporary: '/tmp', directory: '/' }]);
  });
});
