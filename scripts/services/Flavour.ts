/** A kind of server that the services tests run on. */
export interface Flavour {
  readonly name: string
  /**
   * The folder of its programs `initdb` and `postgres`, which are put on the machine where they are not.
   * `folder` is the run's own, and removed after it. Throws Unavailable.
   */
  readonly programs: (folder: string) => string
  readonly settings: Readonly<Record<string, string>>
  /** What every database has from the start. */
  readonly extensions: ReadonlyArray<string>
}
