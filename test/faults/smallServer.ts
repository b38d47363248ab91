/** Few enough connections to take them all; and no wait for a disk, since no machine loses its power here. */
export const smallServer: Readonly<Record<string, string>> = {
  fsync: "off",
  max_connections: "24",
  superuser_reserved_connections: "3",
}
