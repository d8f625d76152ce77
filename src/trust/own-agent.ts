import { toAppError } from '../errors.ts';
import type { GpgHome } from '../base/config/load.ts';
import { agentOptions } from './gpg-home.ts';
import { runTool } from './run-tool.ts';

// Both only speak over a socket on this machine.
const TIME_LIMIT_MS = 5_000;

/**
 * Notes whether the agent of a GNUPGHOME runs already. gpg starts one that stays when it has signed.
 * @returns ends the agent that was started since; one that was there before is somebody else's and stays. It never fails: an
 * agent that cannot be asked stays.
 */
export async function noteOwnAgent(home: GpgHome): Promise<() => Promise<void>> {
  const wasRunning = await isAgentRunning(home);
  return async () => {
    // Of a home without secret keys it is somebody else's in any case: none is started there.
    if (wasRunning || (await agentOptions(home)).length > 0) return;
    await run('gpgconf', home, ['--kill', 'gpg-agent']);
  };
}

/** gpg-connect-agent exits with 0 in any case; only an agent says its process id. */
async function isAgentRunning(home: GpgHome): Promise<boolean> {
  const answer = await run('gpg-connect-agent', home, ['--no-autostart', 'GETINFO pid', '/bye']);
  return answer === undefined || /^D \d+$/m.test(answer);
}

/** Undefined where the program is not installed, or does not end. */
async function run(
  tool: 'gpgconf' | 'gpg-connect-agent',
  { gnupgHome }: GpgHome,
  args: readonly string[],
): Promise<string | undefined> {
  try {
    const { stdout } = await runTool({
      tool,
      args: ['--homedir', gnupgHome, ...args],
      timeoutMs: TIME_LIMIT_MS,
    });
    return stdout;
  } catch (error) {
    if (toAppError(error).code.startsWith('SIGNING_TOOL_')) return undefined;
    throw error;
  }
}
