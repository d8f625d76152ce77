import { AppError } from '../errors.ts';
import { explainDependencyDefect } from '../rpm-parser/dependency-defect.ts';
import type { DependencyDefect, RpmPackage, TextDefect } from '../rpm-parser/rpm-package.ts';
import { isFreeText } from '../rpm-parser/text-defects.ts';

/**
 * The rules a readable package must keep before it may enter a repository.
 * @throws AppError RPM_PAYLOAD_UNSUPPORTED (a delta package), TEXT_NOT_XML with the tag, DEPENDENCY_INVALID,
 *   RPM_MALFORMED for what rpm reads and cannot install.
 */
export function checkAcceptance(
  rpm: Pick<RpmPackage, 'payloadFormat' | 'textDefects' | 'dependencyDefect' | 'installDefect'>,
): void {
  checkPayloadFormat(rpm);
  for (const defect of rpm.textDefects) checkText(defect);
  if (rpm.dependencyDefect !== undefined) throw dependencyInvalid(rpm.dependencyDefect);
  if (rpm.installDefect !== undefined) throw notInstallable(rpm.installDefect);
}

function checkPayloadFormat({ payloadFormat }: Pick<RpmPackage, 'payloadFormat'>): void {
  if (payloadFormat === 'cpio') return;
  throw new AppError('RPM_PAYLOAD_UNSUPPORTED', `the payload format is "${payloadFormat}", expected "cpio"`, {
    hint: 'Send the full package; delta packages (drpm) are not kept in repositories.',
  });
}

function checkText({ tag, index, defect }: TextDefect): void {
  // Read as Latin-1, as createrepo_c does, since nothing is looked up by it.
  if (defect === 'latin-1' && isFreeText(tag)) return;
  throw new AppError('TEXT_NOT_XML', `${tag} (entry ${index}) holds ${DEFECT_NAMES[defect]}`, {
    hint: 'Repository metadata is XML and cannot hold it; correct the spec file and build again.',
    details: { tag, index, defect },
  });
}

function dependencyInvalid(defect: DependencyDefect): AppError {
  const { tag, index, problem } = defect;
  return new AppError('DEPENDENCY_INVALID', explainDependencyDefect(defect), {
    hint: 'dnf and zypper would crash on the whole repository; write it flatter, or as several dependencies, and build again.',
    details: { tag, index, problem },
  });
}

function notInstallable(defect: string): AppError {
  return new AppError('RPM_MALFORMED', `no host can install the package: ${defect}`, {
    hint: 'The program that built the package wrote it so, and rpm refuses it at the installation: use a newer release of it, or rpmbuild.',
  });
}

const DEFECT_NAMES: Readonly<Record<TextDefect['defect'], string>> = {
  'latin-1': 'bytes that are not UTF-8',
  'ill-formed': 'an ill-formed UTF-8 sequence',
  control: 'a control character',
  noncharacter: 'the noncharacter U+FFFE or U+FFFF',
  'too-long': 'more than a MiB of text',
};
