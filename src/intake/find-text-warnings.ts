import type { Config } from '../base/config/load.ts';
import type { RpmPackage } from '../rpm/rpm-parser/rpm-package.ts';
import { rateDefect } from '../rpm/rpm-parser/text-defects.ts';
import { describeDefect, textRefused } from './inspect/acceptance.ts';
import type { PackageWarning } from '../api/package-warning.ts';

/** The texts for people that an index holds with U+FFFD in place of what XML cannot. */
export function findTextWarnings({
  textDefects,
}: Pick<RpmPackage, 'textDefects'>): readonly PackageWarning[] {
  return textDefects.flatMap((found) => {
    const { tag, index, defect } = found;
    if (defect === 'too-long' || rateDefect(found) !== 'replaced') return [];
    const text = `${tag} (entry ${index}) holds ${describeDefect(defect)}; the metadata has U+FFFD in its place`;
    return [{ code: 'TEXT_NOT_XML' as const, tag, text }];
  });
}

/**
 * Refuses what the index of an engine cannot hold: createrepo_c writes texts as they are or not at all.
 * @throws AppError TEXT_NOT_XML.
 */
export function refuseUnfitTexts(
  engine: Config['reindex']['engine'],
  { textDefects }: Pick<RpmPackage, 'textDefects'>,
): void {
  if (engine !== 'createrepo') return;
  const replaced = textDefects.find((defect) => rateDefect(defect) === 'replaced');
  if (replaced !== undefined) throw textRefused(replaced);
}
