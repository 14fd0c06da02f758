/** One entry of the error catalogue. */

/** What an error means, and what is to be done. */
export interface CatalogueEntry {
  /** What it means, one sentence. */
  readonly meaning: string;
  /** What the reader does about it. */
  readonly fix: string;
  /** The HTTP status that carries it. */
  readonly status: number;
}
