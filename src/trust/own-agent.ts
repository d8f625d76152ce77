import { toAppError } from '../errors.ts';
import type { GpgHome } from '../base/config/load.ts';
import { agentOptions } from './gpg-home.ts';
import { runTool } from './run-tool.ts';

// Both only speak over a socket on this machine.
const TIME_LIMIT_MS = 5_000;

/**
 * Notes whether the agent of a GNUPGHOME runs already. gpg starts an agent, which stays after the signing.
 * @returns ends the agent that was started since; an agent that ran before belongs to another program and stays. It
 * never fails: an agent that does not answer stays.
 */
export async function noteOwnAgent(home: GpgHome): Promise<() => Promise<void>> {
  const wasRunning = await isAgentRunning(home);
  return async () => {
    // The agent of a home without secret keys always belongs to another program: the service starts none there.
    if (wasRunning || (await agentOptions(home)).length > 0) return;
    await run('gpgconf', home, ['--kill', 'gpg-agent']);
  };
}

/** gpg-connect-agent always exits with 0; only an agent tells its process id. */
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
