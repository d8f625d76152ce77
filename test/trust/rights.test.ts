import { describe, expect, it } from 'vitest';
import { createRights } from '../../src/trust/rights.ts';
import { repo } from '../support/repo.ts';

describe('rights', () => {
  it('hold in the repositories that their globs name', () => {
    const rights = createRights({ upload: ['9/*'] });
    expect(rights.may('upload', repo('9/x86_64'))).toBe(true);
    expect(rights.may('upload', repo('10/x86_64'))).toBe(false);
    expect(rights.may('delete', repo('9/x86_64'))).toBe(false);
  });

  it.each(['upload', 'delete', 'admin'] as const)('to %s include reading', (right) => {
    const rights = createRights({ [right]: ['9/*'] });
    expect(rights.may('read', repo('9/x86_64'))).toBe(true);
    expect(rights.may('read', repo('10/x86_64'))).toBe(false);
  });

  it('of an admin include all others', () => {
    const rights = createRights({ admin: ['9/*'] });
    expect(rights.may('upload', repo('9/x86_64')) && rights.may('delete', repo('9/x86_64'))).toBe(true);
  });

  it('to read include nothing else', () => {
    const rights = createRights({ read: ['*'] });
    expect(rights.may('upload', repo('9/x86_64')) || rights.may('admin', repo('9/x86_64'))).toBe(false);
  });

  it('hold everywhere only with the glob that names all, and somewhere with any', () => {
    expect(createRights({ upload: ['*'] }).mayEverywhere('upload')).toBe(true);
    expect(createRights({ upload: ['*/x86_64', '9/*'] }).mayEverywhere('upload')).toBe(false);
    expect(createRights({ upload: ['9/*'] }).maySomewhere('upload')).toBe(true);
    expect(createRights({ read: ['*'] }).maySomewhere('upload')).toBe(false);
  });
});
