import { availableParallelism, loadavg, release } from 'node:os';
import { execa } from 'execa';

/** One line that says on what was measured, and how busy it was with other things when the run began. */
export async function describeMachine(...tools: readonly (readonly [string, string])[]): Promise<string> {
  const versions = await Promise.all(tools.map(async ([tool, option]) => versionOf(tool, option)));
  return [
    `${availableParallelism()} processors, load ${loadavg()[0]?.toFixed(2)}`,
    `Linux ${release()}`,
    `Node ${process.versions.node}`,
    ...versions,
  ].join(', ');
}

/** nginx says it on standard error. */
async function versionOf(tool: string, option: string): Promise<string> {
  const { stdout, stderr } = await execa(tool, [option], {
    reject: false,
    env: { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` },
  });
  return `${tool} ${/\d+(?:\.\d+)+/.exec(`${stdout}${stderr}`)?.[0] ?? 'unknown'}`;
}
