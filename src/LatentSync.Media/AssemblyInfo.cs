using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("LatentSync.Media.Tests")]
[assembly: InternalsVisibleTo("LatentSync.Training")]
[assembly: InternalsVisibleTo("LatentSync.Training.Tests")]
