/**
 * The path below which clients reach the service, which a proxy in front takes away: `/rpm` of `https://h/rpm`, empty where there
 * is none.
 */
export function publicPathOf(publicUrl: string): string {
  return (URL.parse(publicUrl)?.pathname ?? '').replace(/\/+$/, '');
}
