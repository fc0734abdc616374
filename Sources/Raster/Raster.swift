internal import CGDAL
public func gdalVersion() -> String { 
  guard let api = cgdal_open() else { return String(cString: cgdal_failure()) }
  api.pointee.GDALAllRegister()
  return api.pointee.GDALVersionInfo("RELEASE_NAME").map { String(cString: $0) } ?? ""
}
