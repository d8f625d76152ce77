import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { renderExampleConfig } from '../../../src/base/config/example.ts';
import { parseConfig } from '../../../src/base/config/load.ts';
import { CONFIG_SCHEMA } from '../../../src/base/config/schema.ts';

const EXAMPLE = new URL('../../../config.example.yml', import.meta.url);

describe('config.example.yml', () => {
  it('is what the schema renders (npm run reference)', async () => {
    expect(await readFile(EXAMPLE, 'utf8')).toBe(renderExampleConfig());
  });

  it('loads, and says the same as an empty file', () => {
    expect(parseConfig(renderExampleConfig(), '/etc/rpmyard/config.yml')).toEqual(
      parseConfig('', '/etc/rpmyard/config.yml'),
    );
  });

  it('shows every option with a comment above it', () => {
    const lines = renderExampleConfig().split('\n');
    for (const [section, { properties }] of Object.entries(CONFIG_SCHEMA.properties)) {
      expect(lines).toContain(`${section}:`);
      for (const key of Object.keys(properties)) {
        const at = lines.findIndex((line) => line.startsWith(`  ${key}:`));
        expect(at, `${section}.${key}`).toBeGreaterThan(0);
        expect(lines[at - 1]).toMatch(/^ {2}# \S/);
      }
    }
  });

  it('takes packages of the size that the shipped nginx configuration takes', async () => {
    const nginx = await readFile(new URL('../../../nginx/rpmyard.conf', import.meta.url), 'utf8');
    const limits = [...nginx.matchAll(/client_max_body_size (?<gib>[1-9]\d*)g;/g)].map(
      ({ groups }) => groups?.['gib'],
    );
    const { maxUploadBytes } = parseConfig('', '/etc/rpmyard/config.yml').server;
    expect(new Set(limits)).toEqual(new Set([String(maxUploadBytes / 1024 ** 3)]));
  });

  it('stays within 110 columns', () => {
    for (const line of renderExampleConfig().split('\n')) expect(line.length).toBeLessThanOrEqual(110);
  });
});
