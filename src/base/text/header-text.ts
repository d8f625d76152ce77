/**
 * A header's value as text; the values of a header that came more than once are joined as RFC 9110, section 5.3, says.
 */
export function headerText(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(',') : value;
}
