import { describe, expect, it } from 'vitest';
import { formatEvr, formatNevra } from '../../../src/rpm/rpm-parser/nevra.ts';

const RPM = { name: 'bash', epoch: undefined, version: '5.1.8', release: '6.el9', arch: 'x86_64' };

describe('formatNevra', () => {
  it('leaves out an epoch that is absent or 0', () => {
    expect(formatNevra(RPM)).toBe('bash-5.1.8-6.el9.x86_64');
    expect(formatNevra({ ...RPM, epoch: 0 })).toBe('bash-5.1.8-6.el9.x86_64');
  });

  it('puts any other epoch before the version', () => {
    expect(formatNevra({ ...RPM, epoch: 2 })).toBe('bash-2:5.1.8-6.el9.x86_64');
    expect(formatEvr({ ...RPM, epoch: 2 })).toBe('2:5.1.8-6.el9');
  });
});
