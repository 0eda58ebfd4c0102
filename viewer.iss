; An installer for Windows from the bundle, by Inno Setup 6: iscc viewer.iss
; UNTESTED: written beside viewer.spec, never run. Build the bundle first (pyinstaller viewer.spec).
; Silent: birads-viewer-setup.exe /VERYSILENT /NORESTART; again without a trace: unins000.exe /VERYSILENT

#define Version GetVersionNumbersString("dist\birads-viewer\birads-viewer.exe")

[Setup]
AppId={{6E1B7B2C-5A33-4B6E-9B57-0C1D5F0C2E71}
AppName=birads-viewer
AppVersion={#Version}
AppPublisher=the birads-viewer developers
AppComments=Research use only. Not for diagnostic use.
DefaultDirName={autopf}\birads-viewer
DefaultGroupName=birads-viewer
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
PrivilegesRequired=admin
Compression=lzma2/max
SolidCompression=yes
LicenseFile=resources\licences\NOTICES.txt
SetupIconFile=resources\icons\birads-viewer.ico
UninstallDisplayIcon={app}\birads-viewer.exe
OutputDir=dist
OutputBaseFilename=birads-viewer-{#Version}-setup
ChangesAssociations=yes

[Languages]
Name: "en"; MessagesFile: "compiler:Default.isl"
Name: "es"; MessagesFile: "compiler:Languages\Spanish.isl"

[Tasks]
Name: desktopicon; Description: "{cm:CreateDesktopIcon}"; Flags: unchecked

[Files]
Source: "dist\birads-viewer\*"; DestDir: "{app}"; Flags: recursesubdirs ignoreversion
Source: "packaging\site.toml"; DestDir: "{commonappdata}\birads-viewer"; DestName: "site.toml.example"

[Icons]
Name: "{group}\birads-viewer"; Filename: "{app}\birads-viewer.exe"
Name: "{autodesktop}\birads-viewer"; Filename: "{app}\birads-viewer.exe"; Tasks: desktopicon

[Registry]
; offered under "Open with" for DICOM files; what opens them by default stays as it is
Root: HKA; Subkey: "Software\Classes\birads-viewer.dicom"; ValueType: string; ValueData: "DICOM image"; Flags: uninsdeletekey
Root: HKA; Subkey: "Software\Classes\birads-viewer.dicom\shell\open\command"; ValueType: string; ValueData: """{app}\birads-viewer.exe"" ""%1"""
Root: HKA; Subkey: "Software\Classes\.dcm\OpenWithProgids"; ValueType: string; ValueName: "birads-viewer.dicom"; Flags: uninsdeletevalue

[Run]
Filename: "{app}\birads-viewer.exe"; Parameters: "--self-test"; Flags: runhidden waituntilterminated; StatusMsg: "Self-test ..."
