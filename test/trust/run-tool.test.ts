import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runTool, type ToolRun } from '../../src/trust/run-tool.ts';
import { withFakeTool } from '../support/fake-tool.ts';
import { createTempDir } from '../support/temp-dir.ts';

const runFake = (script: string, run: () => Partial<ToolRun> = () => ({})) =>
  withFakeTool('gpgv', script, () => runTool({ tool: 'gpgv', args: [], timeoutMs: 30_000, ...run() }));

describe('a program', () => {
  it('gives its exit code and its output as a result, whatever the code is', async () => {
    expect(await runFake('cat; echo no >&2; exit 3', () => ({ input: 'yes' }))).toEqual({
      exitCode: 3,
      stdout: 'yes',
      stderr: 'no\n',
    });
  });

  it('may end before it has read what it was given', async () => {
    const given = () => ({ input: 'x'.repeat(1_000_000), thirdInput: Buffer.alloc(1_000_000) });
    expect(await runFake('exit 2', given)).toMatchObject({ exitCode: 2 });
    // It leaves what fits into a pipe there.
    const little = () => ({ input: 'x', thirdInput: Buffer.alloc(500) });
    expect(await runFake('cat > /dev/null', little)).toMatchObject({ exitCode: 0 });
  });

  it.each([
    ['that is gone', 'nothing', /ENOENT/],
    ['that is a directory', '', /EISDIR/],
  ])('has failed when its input is a file %s, although it ended well', async (_, name, message) => {
    await using dir = await createTempDir();
    const run = runFake('cat', () => ({ input: createReadStream(join(dir.path, name)) }));
    await expect(run).rejects.toMatchObject({ code: 'SIGNING_TOOL_FAILED', message });
  });

  it('has failed when it writes more than we read, although it ended by itself', async () => {
    await expect(runFake("trap '' TERM PIPE; yes | head -c 5000000; exit 0")).rejects.toMatchObject({
      code: 'SIGNING_TOOL_FAILED',
      message: expect.stringContaining('wrote more than'),
    });
  });
});
