import { existsSync } from 'node:fs';
import type { Config } from '../base/config/load.ts';
import { DEFAULT_TOP_DIR } from '../base/config/schema.ts';
import { findCreaterepo } from '../indexing/find-createrepo.ts';
import { engineMissing } from '../indexing/run-createrepo.ts';
import { userName } from './user-name.ts';

/**
 * Settings that are usable and hardly meant on this machine: one line each, with path and remedy. Checked as the user
 * of this process, who would start the service.
 */
export async function findDoubts(config: Config): Promise<readonly string[]> {
  return [...treeDoubts(config), ...(await engineDoubts(config))];
}

function treeDoubts({ topDir }: Config): readonly string[] {
  const uid = process.getuid?.() ?? 0;
  const isDefault = topDir === DEFAULT_TOP_DIR;
  if (existsSync(topDir) || (!isDefault && uid !== 0)) return [];
  const path = isDefault ? `${topDir}, the default,` : topDir;
  return [
    `repo.top_dir: ${path} does not exist, and a start would make it as ${userName(uid)}. Make it for the user of the service (install -d -o <user> -g <group> ${topDir}), or write where the packages are to be: "top_dir: <directory>" in the section "repo"`,
  ];
}

/** Uploads are taken all the same, and a start only warns. */
async function engineDoubts({ reindex }: Config): Promise<readonly string[]> {
  if (reindex.engine === 'incremental') return [];
  const found = await findCreaterepo(reindex.executable, process.env['PATH'] ?? '');
  const { message, hint } = engineMissing(reindex.executable);
  return found === undefined ? [`index_updater.executable: ${message}. ${hint}`] : [];
}
