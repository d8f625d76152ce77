import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createTempDir } from './temp-dir.ts';

/**
 * Environment for a service whose file system calls are to be counted: strace counts per thread, and with one worker
 * thread they all come from that one, in a row.
 */
export const ONE_WORKER_THREAD = { UV_THREADPOOL_SIZE: '1' } as const;

const DETACH_LIMIT_MS = 5000;

export interface TraceOptions {
  /** Names as strace knows them; several with commas. */
  readonly syscalls: string;
  /** strace's own `-e inject=`, such as `fsync:error=EIO:when=3`. */
  readonly inject?: string;
  /** Leaves the processes alone that it starts, such as createrepo_c, and threads that begin later. */
  readonly isWithoutChildren?: boolean;
}

export interface Syscall {
  readonly name: string;
  /** The line, with paths in place of descriptors: `fsync(17</srv/repo/x>) = 0`. */
  readonly text: string;
  readonly isInjected: boolean;
  readonly hasFailed: boolean;
  /** Position of its begin and of its end among all begins and ends. */
  readonly begin: number;
  readonly end: number;
}

export interface Trace {
  /** Detaches from the process, which runs on, and gives what it called meanwhile. */
  stop(): Promise<readonly Syscall[]>;
  /** Waits for the process to end, by an injected signal. */
  whenEnded(): Promise<void>;
}

/** Traces a running process, its threads and its children from the moment that this returns. */
export async function attachStrace(pid: number, options: TraceOptions): Promise<Trace> {
  const temp = await createTempDir('rpmyard-strace-');
  const targets = options.isWithoutChildren === true ? await threadsOf(pid) : [String(pid)];
  const outputPath = join(temp.path, 'trace');
  const child = spawn(
    'strace',
    [
      ...(options.isWithoutChildren === true ? [] : ['-f']),
      ...targets.map((target) => `-p${target}`),
      '-y',
      '-s200',
      `-o${outputPath}`,
      '-esignal=none',
      `-etrace=${options.syscalls}`,
      ...(options.inject === undefined ? [] : [`-einject=${options.inject}`]),
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const ended = once(child, 'close');
  // One line for each -p.
  const messages: string[] = [];
  const attached = new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stderr })
      .on('line', (line) => {
        messages.push(line);
        if (messages.filter((message) => message.includes(' attached')).length >= targets.length) resolve();
      })
      .once('close', () => reject(new Error(`strace did not attach: ${messages.join('\n')}`)));
  });
  await attached;

  const whenEnded = async (): Promise<void> => {
    await ended;
    await temp.remove();
  };
  return { stop: detach, whenEnded };

  async function detach(): Promise<readonly Syscall[]> {
    child.kill('SIGINT');
    // strace waits for ever for a process that its own signal killed a moment ago.
    const timer = setTimeout(() => child.kill('SIGKILL'), DETACH_LIMIT_MS);
    await ended;
    clearTimeout(timer);
    const syscalls = parseTrace(await readFile(outputPath, 'utf8'));
    await temp.remove();
    return syscalls;
  }
}

async function threadsOf(pid: number): Promise<readonly string[]> {
  return readdir(`/proc/${pid}/task`);
}

/** Reads strace's output; calls that it shows in two parts because another thread came between become one. */
export function parseTrace(output: string): readonly Syscall[] {
  const syscalls: Syscall[] = [];
  const unfinished = new Map<string, { readonly begin: number; readonly text: string }>();
  for (const [position, line] of output.split('\n').entries()) {
    const [, thread = '', rest = ''] = /^(\d+) +(.*)$/.exec(line) ?? [];
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest);
    if (rest.endsWith('<unfinished ...>')) {
      unfinished.set(thread, { begin: position, text: rest.slice(0, -'<unfinished ...>'.length) });
    } else if (resumed !== null) {
      const started = unfinished.get(thread);
      unfinished.delete(thread);
      if (started) syscalls.push(toSyscall(started.text + (resumed[1] ?? ''), started.begin, position));
    } else if (/^\w+\(/.test(rest)) syscalls.push(toSyscall(rest, position, position));
  }
  return syscalls;
}

function toSyscall(text: string, begin: number, end: number): Syscall {
  return {
    name: text.slice(0, text.indexOf('(')),
    text,
    isInjected: text.endsWith('(INJECTED)'),
    hasFailed: /\) += -1 /.test(text),
    begin,
    end,
  };
}
