using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("LatentSync.Media.Tests")]
