// sd_listen_fds(3): SD_LISTEN_FDS_START.
const FIRST_FD = 3;
const VARIABLES = ['LISTEN_PID', 'LISTEN_PIDFDID', 'LISTEN_FDS', 'LISTEN_FDNAMES'];

/**
 * The sockets that systemd opened for this process. Removes the variables from the environment, so that no child takes
 * the sockets for its own; Node itself does not pass the sockets to children.
 * @see https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html
 */
export function takeListenFds(env: NodeJS.ProcessEnv, pid: number): readonly number[] {
  const { LISTEN_PID: listenPid, LISTEN_FDS: count = '' } = env;
  for (const name of VARIABLES) delete env[name];
  if (listenPid !== String(pid) || !/^\d{1,4}$/.test(count)) return [];
  return Array.from({ length: Number(count) }, (_, index) => FIRST_FD + index);
}
