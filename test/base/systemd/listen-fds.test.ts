import { describe, expect, it } from 'vitest';
import { takeListenFds } from '../../../src/base/systemd/listen-fds.ts';

const PID = 4711;

describe('the sockets that systemd passed', () => {
  it('begin with file descriptor 3', () => {
    expect(takeListenFds({ LISTEN_PID: '4711', LISTEN_FDS: '2' }, PID)).toEqual([3, 4]);
  });

  it.each([
    ['no variable is set', {}],
    ['they are for another process', { LISTEN_PID: '4710', LISTEN_FDS: '1' }],
    ['they name no process', { LISTEN_FDS: '1' }],
    ['there is none', { LISTEN_PID: '4711', LISTEN_FDS: '0' }],
    ['the count is no number', { LISTEN_PID: '4711', LISTEN_FDS: '1x' }],
    ['the count is negative', { LISTEN_PID: '4711', LISTEN_FDS: '-1' }],
    ['the count is absurd', { LISTEN_PID: '4711', LISTEN_FDS: '99999' }],
    ['the count is missing', { LISTEN_PID: '4711' }],
  ])('are none when %s', (_, env) => {
    expect(takeListenFds({ ...env }, PID)).toEqual([]);
  });

  it.each(['4711', '4710'])('are never claimed by a child (LISTEN_PID=%s)', (listenPid) => {
    const env = {
      LISTEN_PID: listenPid,
      LISTEN_FDS: '1',
      LISTEN_FDNAMES: 'x',
      LISTEN_PIDFDID: '1',
      PATH: '/bin',
    };
    takeListenFds(env, PID);
    expect(env).toEqual({ PATH: '/bin' });
  });
});
