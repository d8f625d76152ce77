/** What a client is told of a package that is stored and that no index can name. */
export function packageSetAside(place: {
  readonly nevra: string;
  readonly repository: string;
  readonly reason?: string | undefined;
}): { readonly detail: string; readonly hint: string } {
  const { nevra, repository, reason = 'no reason given' } = place;
  return {
    detail: `${nevra} is stored in ${repository} but kept out of its index: ${reason}`,
    hint: 'Correct the package and upload it with a higher release number.',
  };
}
