import { readPackageNames } from './package-names.ts';

/** The location (path below the directory) of every package in a repository's directory, see readPackageNames(). */
export async function listPackages(repositoryDir: string): Promise<readonly string[]> {
  return (await readPackageNames(repositoryDir)).locations;
}
