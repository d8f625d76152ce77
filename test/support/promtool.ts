import { execa } from 'execa';

const LIMIT_MS = 120_000;

export interface Verdict {
  readonly exitCode: number;
  /** What it said, complaints included. */
  readonly text: string;
}

/** The real promtool. A complaint is a result, a missing promtool an exception. */
export async function runPromtool(args: readonly string[], input = ''): Promise<Verdict> {
  const { exitCode, all, cause } = await execa('promtool', args, {
    input,
    all: true,
    reject: false,
    timeout: LIMIT_MS,
  });
  if (exitCode === undefined) throw new Error(`promtool did not run: ${args.join(' ')}`, { cause });
  return { exitCode, text: all };
}
