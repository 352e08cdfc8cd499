//! ucupdate-upx
